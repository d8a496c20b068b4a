"""Machine code as bytes: made of what Numba compiled, and put to work without Numba.

Numba takes a third of a second to be imported and made ready; a process that finds its kernels
compiled needs nothing of it but llvmlite's loader.
"""

import re
from functools import cache
from typing import Any

from llvmlite import binding

_OF_EXCEPTIONS = re.compile(
    r"^declare ([^@\n]*)@(Py\w+|numba_gil_ensure|numba_gil_release|numba_unpickle|numba_do_raise"
    r"|numba_runtime_build_excinfo_struct|NRT_Free)\(([^)\n]*)\)[^\n]*$",
    re.MULTILINE,
)
"""What the wrapper of a function calls to hand an exception to Python."""

_STOP = r"""define internal \1@\2(\3) alwaysinline {
  call void @llvm.trap()
  unreachable
}"""


def emitted(symbol: str, text: str) -> bytes:
    """An object file of LLVM's text, with one function to be found in it, `symbol`.

    Kernels raise nothing; so what would carry an exception to Python is replaced by a full stop,
    and nothing of Numba's is needed at run time.

    Raises:
        RuntimeError: the code needs a function of Numba's after all.
    """
    text = _OF_EXCEPTIONS.sub(_STOP, text)
    if "declare void @llvm.trap" not in text:
        text += "\ndeclare void @llvm.trap()\n"
    module = binding.parse_assembly(text)
    for function in module.functions:
        if not function.is_declaration and function.name != symbol:
            function.linkage = "internal"
    machine = _machine(opt=3)
    passes = binding.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_simplify_cfg_pass()  # nothing comes after the stop
    passes.add_global_dead_code_eliminate_pass()
    options = binding.create_pipeline_tuning_options()
    passes.run(module, binding.create_pass_builder(machine, options))
    values = (*module.functions, *module.global_variables)
    missing = [value.name for value in values if value.is_declaration]
    missing = [name for name in missing if name.startswith(("numba", "NRT_", "Py"))]
    if missing:
        raise RuntimeError(f"the kernel {symbol} cannot run without Numba's {missing}")
    return machine.emit_object(module)


_LOADED: list[Any] = []  # machine code lives as long as the engine that loaded it


def load(symbol: str, code: bytes) -> int:
    """Load an object file that `emitted` made; the address of its function."""
    _ready()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), _machine())
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    _LOADED.append(engine)
    return int(engine.get_function_address(symbol))


@cache
def _ready() -> None:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()


def _machine(opt: int = 0) -> Any:
    """LLVM's idea of this machine; an engine takes the one that it is given for itself."""
    _ready()
    return binding.Target.from_triple(binding.get_process_triple()).create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=opt,
        reloc="default",
        codemodel="jitdefault",
        jit=True,
    )
