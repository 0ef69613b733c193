"""What is asked on the terminal."""


def confirmed(question: str) -> bool:
    """Whether the answer is yes; the end of the input is none."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False
