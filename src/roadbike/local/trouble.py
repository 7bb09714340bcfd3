"""What stops a command: one clear line for the person at the keyboard."""


class Trouble(Exception):
    """One line that says what is wrong and what to do; `details` are the log lines behind it."""

    def __init__(self, line: str, *, details: tuple[str, ...] = ()) -> None:
        super().__init__(line)
        self.details = details
