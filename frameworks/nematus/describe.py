"""Prints what the checkout of Nematus is and which options its train.py has, as JSON. describe.py CHECKOUT"""

import json
import os
import re
import sys


def main():
    package = os.path.join(sys.argv[1], "nematus")
    if not os.path.isfile(os.path.join(package, "train.py")):
        sys.exit("{} is no checkout of Nematus: give framework.source one".format(sys.argv[1]))
    sys.path.insert(0, package)
    import config
    import tensorflow

    specification = config.ConfigSpecification()
    names = {
        name.lstrip("-")
        for group in specification.group_names
        for parameter in specification.params_by_group(group)
        for name in parameter.visible_arg_names
    }
    with open(os.path.join(sys.argv[1], "setup.py"), encoding="utf-8") as file:
        found = re.search(r"version\s*=\s*['\"]([^'\"]+)", file.read())
    version = "{}, TensorFlow {}".format(found.group(1) if found else "of no number", tensorflow.__version__)
    print(json.dumps({"version": version, "options": sorted(names)}))


if __name__ == "__main__":
    main()
