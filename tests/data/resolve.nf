// Prints what the configuration gives to processes, one JSON a line: a first attempt of one process of each size, and a second
// attempt of TRAIN_FOLD after each of some exit statuses. Executors of clouds are plugins; directives resolve without them.

// The settings of a process, by selectors, as Nextflow merges them
def settings(process, name, label) {
    def groups = process.findAll { key, _value -> key == "withLabel:${label}".toString() || (key.startsWith('withName:') && name ==~ key.substring(9)) }
    return groups.values().inject(process.findAll { key, _value -> !key.startsWith('with') }) { all, group ->
        all + group + [ext: (all.ext ?: [:]) + (group.ext ?: [:])]
    }
}

// Text without the folder of this script, which stands in for that of the pipeline
def relative(text) {
    return text?.toString()?.replace("${projectDir}/", '')
}

def resolved(process, name, label, state) {
    def task = new nextflow.processor.TaskConfig(settings(process, name, label) + [label: [label]] + state)
    task.setContext([task: task, params: params, workflow: workflow, projectDir: projectDir])
    return [
        process: name,
        executor: task.executor,
        queue: task.queue,
        container: task.container,
        conda: relative(task.conda),
        accelerator: task.accelerator?.request,
        gpu_type: task.accelerator?.type,
        machine_type: task.machineType,
        container_options: task.containerOptions,
        cluster_options: task.clusterOptions,
        cpus: task.cpus,
        gigabytes: task.memory.toGiga(),
        hours: task.time?.toHours(),
        disk: task.disk?.toGiga(),
        scratch: task.scratch,
        array: task.array,
        max_forks: task.maxForks,
        before_script: relative(task.beforeScript),
        limits: task.resourceLimits,
        strategy: task.exitStatus == null ? null : task.errorStrategy.toString(),
    ]
}

workflow {
    def process = nextflow.Global.session.config.process
    [PREFLIGHT: 'process_single', PSEUDOBULK: 'process_medium', TRAIN_FOLD: 'process_gpu'].each { name, label ->
        println('RESOLVED ' + groovy.json.JsonOutput.toJson(resolved(process, name, label, [attempt: 1])))
    }
    def failures = [137, 139, 104, 176, 140, 143, 1, 2, 50001, 2147483647].collect { status -> [exitStatus: status, message: 'Process terminated'] }
    failures += [[exitStatus: 2147483647, message: "Error submitting process 'X' for execution"], [exitStatus: 2147483647, message: 'Host EC2 (instance i-0) terminated.']]
    failures.each { failure ->
        def state = [attempt: 2, exitStatus: failure.exitStatus, previousException: failure, previousTrace: [memory: 8L << 30, time: 12 * 3600_000L]]
        println('RESOLVED ' + groovy.json.JsonOutput.toJson([failure: failure] + resolved(process, 'TRAIN_FOLD', 'process_gpu', state)))
    }
    ['aws', 'google', 'azure', 'k8s', 'executor', 'docker', 'podman', 'singularity', 'apptainer', 'conda'].each { scope ->
        println('SCOPE ' + groovy.json.JsonOutput.toJson([(scope): nextflow.Global.session.config[scope]]))
    }
}
