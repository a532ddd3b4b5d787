"""WeaverLite: a job-execution web service in the shape of OGC API - Processes."""

__version__ = "0.1.0"
