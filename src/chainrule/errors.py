"""What is said to a user whose input cannot be used: what came, what was expected, what to do."""


class ChainruleError(Exception):
    """Base of every error that chainrule raises on purpose; its text is written for the user."""


class InputError(ChainruleError, ValueError):
    """A table, an option or a value that cannot be used as it is."""


class TableError(InputError):
    """A table that cannot be read, or that does not fit the model; names the column and row."""


class ModelFileError(InputError):
    """A model file that is damaged, foreign or newer than this library; says which and why."""


class DivergedError(ChainruleError, ArithmeticError):
    """Training produced a NaN or an infinity; says in which epoch, and what to try."""
