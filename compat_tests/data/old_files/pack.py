"""Puts the folders that the other scripts filled into archives beside this one: python pack.py FOLDER"""

import pathlib
import sys
import zipfile

HERE = pathlib.Path(__file__).parent

for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    with zipfile.ZipFile(HERE / (folder.name + ".zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not ("_saved/" in name and "/variables/" not in name) and path.name != "checkpoint":
                archive.write(path, name)
