"""The vocabulary of OGC API - Processes, shared by the service and its client.

Everything here is standard library only: words, URIs and small value classes, no I/O.
"""
