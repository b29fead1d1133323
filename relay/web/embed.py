#!/usr/bin/env python3
"""Write a file as a C array: embed.py INPUT OUTPUT.c (used by relay/web/meson.build)."""
import pathlib
import sys

data = pathlib.Path(sys.argv[1]).read_bytes()
lines = [", ".join(str(byte) for byte in data[at:at + 24]) for at in range(0, len(data), 24)]
pathlib.Path(sys.argv[2]).write_text(
    '#include "relay/web/page.h"\n\n'
    "const unsigned char web_page_bytes[] = {\n" + ",\n".join(lines) + "};\n"
    "const size_t web_page_length = sizeof web_page_bytes;\n")
