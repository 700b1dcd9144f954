# Sourced by a task that needs a GPU of this machine, before it starts: takes a device that no other task has, or waits for
# one, and lets the task see no other. The lock is an open file that the task's programs inherit: the system releases it when
# the last of them ends, however that happens.
#
# $1: the devices, such as 0,1; auto: those that nvidia-smi lists; none: whatever the scheduler gave.
# shellcheck shell=bash disable=SC2174 # the mode is of the folder itself alone

lease_gpu() {
    local devices=$1 device folder waited=
    [[ $devices == none ]] && return
    [[ $devices == auto ]] && devices=$(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null || true)
    [[ -n $devices ]] || return 0 # the task itself says that there is no GPU
    command -v flock >/dev/null || { echo 'lease_gpu.sh: flock (util-linux) is missing, so tasks may share a GPU' >&2; return 0; }

    folder=${TMPDIR:-/tmp}/nf-scxpresso-gpus-$UID
    mkdir -p -m 700 "$folder"
    [[ -O $folder ]] || { echo "lease_gpu.sh: $folder belongs to somebody else" >&2; return 1; }
    while true; do
        for device in ${devices//,/ }; do
            exec {gpu_lease}>"$folder/${device//[^A-Za-z0-9_-]/_}"
            if flock -n "$gpu_lease"; then
                export CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=$device NVIDIA_VISIBLE_DEVICES=$device
                return
            fi
            exec {gpu_lease}>&-
        done
        [[ -n $waited ]] || { waited=yes; echo "Waiting for one of the GPUs $devices" >&2; }
        sleep 1
    done
}

lease_gpu "$1"
