include { fingerprint ; json } from '../functions/scripts'

// Checks parameters, sheets and inputs against each other; every problem in one report, before anything expensive.
process PREFLIGHT {
    label 'process_single'
    ext code: { fingerprint('preflight.py') }

    input:
    val request                                     // params, and where each named file comes from
    path sources, stageAs: 'sources/?/file'         // sheets, then the files that they name
    path schemas, stageAs: 'schemas/*'

    output:
    path 'problems.txt', emit: problems             // empty when all is well
    path 'preflight.json', emit: notes
    path 'plan.json', emit: plan
    path 'versions.json', emit: versions
    path 'params.json', emit: params

    script:
    // Executors of clouds start containers themselves, without an engine of Nextflow's.
    def contained = workflow.containerEngine || task.executor in ['awsbatch', 'azurebatch', 'google-batch', 'k8s']
    def software = [
        nextflow: workflow.nextflow.version.toString(),
        container: contained ? task.container : null,
        container_gpu: contained ? task.ext.gpu_container : null,
    ]
    // The work folder's disk is known where tasks run in it.
    def shares_disk = !(task.executor in ['awsbatch', 'azurebatch', 'google-batch', 'k8s']) && !task.scratch
    """
    export PIPELINE_CODE=${task.ext.code}
    cat > request.json <<'END_OF_REQUEST'
    ${json(request + [software: software, shares_disk: shares_disk])}
    END_OF_REQUEST
    preflight.py --request request.json --schemas schemas || [ -s problems.txt ]
    """
}
