"""The bundled task folders and the generator that writes them."""
