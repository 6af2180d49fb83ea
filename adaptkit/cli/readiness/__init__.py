"""Whether everything is there that a comparison needs: on this machine, and in a task."""

from adaptkit.cli.readiness.machine import Finding, check_machine
from adaptkit.cli.readiness.task import TaskCheck, check_source

__all__ = ["Finding", "TaskCheck", "check_machine", "check_source"]
