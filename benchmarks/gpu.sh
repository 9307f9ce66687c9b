#!/usr/bin/env bash
# What a GPU takes, beside the CPU of the same machine: one table, in under ten minutes. Changes no setting of the GPU.
#
#   PYTHON=.venv/bin/python   the environment's Python, with the package and a PyTorch for the GPU
#   --cpu --tiny              the same program on small networks, without a GPU: in a minute, as in .ci/run
#   --device mps              another device than cuda
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${PYTHON:-}" ]; then
    PYTHON=python3
    [ -x .venv/bin/python ] && PYTHON=.venv/bin/python
fi
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
exec "$PYTHON" -m benchmarks.gpu "$@"
