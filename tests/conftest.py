"""Its place puts this folder on the path: tests share the helpers that stand here, such as ``tiny``."""
