"""What stops a command: one clear line for the person at the keyboard."""


class Trouble(Exception):
    """What is wrong and what to do; `details` are log lines behind it, `code` the exit code."""

    def __init__(self, line: str, *, details: tuple[str, ...] = (), code: int = 1) -> None:
        super().__init__(line)
        self.details = details
        self.code = code
