"""One backend tried out in this process: ``python -m bpnet.backends.probe cupy`` prints JSON."""

import json
import os
import sys

from bpnet.backends import survey


def main() -> None:
    """Print the status of the backend named on the command line as one line of JSON."""
    answer = os.dup(1)
    os.dup2(2, 1)  # libraries print what they like: standard output is for the answer
    status = survey.try_out(sys.argv[1])
    with os.fdopen(answer, "w") as out:
        out.write(json.dumps(status.as_dict()) + "\n")


if __name__ == "__main__":
    main()
