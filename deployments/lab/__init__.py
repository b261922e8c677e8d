"""The staging lab: real servers on loopback, with made-up data, where drills break things."""

from deployments.lab.running import Lab, LabBusy, Status, down, status, up

__all__ = ["Lab", "LabBusy", "Status", "down", "status", "up"]
