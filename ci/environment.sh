# Sourced by the scripts beside it: the Python to use, and virtual environments made with it.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$ROOT" || exit 1

# Everything that these scripts install, and what builds it, has the versions CI has.
# Relative, as pip splits these variables at blanks.
export PIP_CONSTRAINT=ci/constraints.txt PIP_BUILD_CONSTRAINT=ci/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK=1
# Set in a shell, these would send packages elsewhere or hide what is missing.
unset PIP_USER PIP_TARGET PIP_PREFIX PYTHONPATH PYTHONHOME

# One line on standard error, and the exit status: die STATUS MESSAGE
die() {
    printf 'ci/%s: %s\n' "${0##*/}" "$2" >&2
    exit "$1"
}

# The first Python that runs and is new enough. A launcher such as pyenv's may have the name
# without the program, so each one is tried. $PYTHON goes first.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die 2 "no Python 3.11 or newer was found; install one, or name it: PYTHON=/path/to/python3 $0"
}

# An environment in the checkout, made if it is not there or no longer runs: make_environment FOLDER
make_environment() {
    local python
    "$1/bin/python" -c 'import pip' 2>/dev/null && return
    python=$(find_python) || exit $?
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        die 2 "$python has no venv module; on Debian and Ubuntu: sudo apt install $("$python" -c \
            'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    "$python" -m venv --clear "$1" || die 1 "'$python -m venv $1' failed"
}

# pip install in an environment, silent unless it fails: install FOLDER ARGUMENT...
install() {
    local environment=$1 log="$1/install.log"
    shift
    "$environment/bin/python" -m pip install "$@" </dev/null >"$log" 2>&1 && return
    grep '^ERROR:' "$log" | head -n 3 >&2
    die 1 "'pip install $*' failed; all that it said: $ROOT/$log"
}

# The same, but nothing is done while the constraints, pyproject.toml and the arguments are those of
# the last time: install_once FOLDER LABEL ARGUMENT...
install_once() {
    local environment=$1 stamp="$1/installed-$2" now
    shift 2
    now=$(cat ci/constraints.txt pyproject.toml - <<<"$ROOT $*" | cksum)
    [ "$(cat "$stamp" 2>/dev/null)" = "$now" ] && return
    install "$environment" "$@"
    printf '%s\n' "$now" >"$stamp"
}
