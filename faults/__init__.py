"""What happens to the library when a process, a server or a disk fails; `python -m faults` prints the figures."""
