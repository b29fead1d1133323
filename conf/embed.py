#!/usr/bin/env python3
"""Write data files as C arrays: embed.py OUT NAME=FILE... A FILE that is missing is empty."""
import pathlib
import sys


def main() -> int:
    out = ["/* Made by conf/embed.py from conf/. */", '#include "relay/config_shipped.h"', ""]
    for argument in sys.argv[2:]:
        name, _, path = argument.partition("=")
        file = pathlib.Path(path)
        data = file.read_bytes() if file.exists() else b""
        rows = [data[i : i + 16] for i in range(0, len(data), 16)]
        out.append(f"const char config_shipped_{name}[] = {{")
        out += ["    " + "".join(f"{byte}, " if byte < 128 else f"(char){byte}, " for byte in row)
                for row in rows]
        out.append("    0,")
        out.append("};")
        out.append(f"const size_t config_shipped_{name}_bytes = {len(data)};")
        out.append("")
    pathlib.Path(sys.argv[1]).write_text("\n".join(out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
