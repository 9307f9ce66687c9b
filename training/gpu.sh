#!/bin/sh
# Train faces128 in one piece where a GPU can be had, and measure it:  training/gpu.sh FOLDER [MINUTES] [PICTURES] [OPTIONS]
# FOLDER gets faces, checkpoint, samples, measure.json and the judge. A second call goes on from the checkpoint;
# PICTURES is the total over all calls, and where the learning rate has fallen;
# OPTIONS are the training's, such as --start faces64.
set -eu
folder=${1:?usage: training/gpu.sh FOLDER [MINUTES] [PICTURES] [OPTIONS]}
minutes=${2:-60}
pictures=${3:-1200000}
if [ $# -gt 3 ]; then shift 3; else set --; fi
python=${PYTHON:-python3}
$python -m latent_widgets.training faces --device cuda --folder "$folder" --minutes "$minutes" --images "$pictures" "$@"
$python -m latent_widgets.training judge --folder "$folder/judge"
$python -m latent_widgets.training measure --name faces128 --folder "$folder" --judge "$folder/judge"
