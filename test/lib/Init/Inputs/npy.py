"""Makes small .npy files without NumPy, and shows them: npy.py A=FILE B=FILE | npy.py show FILE..."""
import ast
import struct
import sys

ARRAYS = {"A": ((2, 3), [1, 2, 3, 4, 5, 6]), "B": ((3,), [4, 5, 6])}


def write(path, shape, values):
    header = repr({"descr": "<f4", "fortran_order": False, "shape": shape}).encode() + b"\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        file.write(struct.pack(f"<{len(values)}f", *values))


def show(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<H", data, 8)
    header = ast.literal_eval(data[10 : 10 + length].decode())
    code = {"<f8": "d", "<i8": "q"}[header["descr"]]
    values = [value for (value,) in struct.iter_unpack("<" + code, data[10 + length :])]
    print(header["descr"], header["shape"], values)


if sys.argv[1] == "show":
    for path in sys.argv[2:]:
        show(path)
else:
    for argument in sys.argv[1:]:
        name, path = argument.split("=")
        write(path, *ARRAYS[name])
