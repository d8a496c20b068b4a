"""Kernels called by their addresses, as the engine calls them."""

import ctypes

WHOLE = ctypes.c_int64


def run(address, *arguments):
    """Call the kernel at an address with whole numbers, addresses of arrays among them."""
    ctypes.CFUNCTYPE(None, *[WHOLE] * len(arguments))(address)(*arguments)


def at(array):
    """Where an array's numbers begin."""
    return array.__array_interface__["data"][0]
