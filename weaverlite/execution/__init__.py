"""The worker's side: job processes, the supervisor that watches them, and the reaper that speaks for silent workers."""
