"""`chainrule warmup`: the compiled engine made ready before it is needed."""


def warmup() -> None:
    """Compile the engine for this machine, once.

    What a training with the defaults needs is compiled and kept on disk, for every later process;
    otherwise the first training does it, and says so on stderr.
    """
    from time import monotonic

    import numpy as np
    from rich.text import Text

    from chainrule.cli.screen import Screen, amount, duration
    from chainrule.engines.choice import choose_engine
    from chainrule.options import Options, network_of, settings_of, settled
    from chainrule.thermometer import thermometer_inputs

    bins = thermometer_inputs(np.ones((1, 2), np.float32), np.array([False, True]))
    start, compiled = monotonic(), 0
    for task, n_classes in (("regression", 0), ("classification", 2), ("classification", 3)):
        for n in (100, 100_000):  # short and long tables differ in their dropout
            options = settled(Options(), n=n, task=task, n_classes=n_classes)
            settings = settings_of(options)
            choice = choose_engine(
                "compiled", network_of(options, 2, n_classes), settings.optimizer, settings.dtype
            )
            if choice.warm_up is not None:
                compiled += len(choice.warm_up()) + len(choice.warm_up(bins))
    Screen().print(
        Text(
            f"{choice.sentence}: {amount(compiled, 'kernel')} compiled in "
            f"{duration(monotonic() - start)}; the engine is ready."
        )
    )
