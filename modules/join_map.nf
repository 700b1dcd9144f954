include { fingerprint } from '../functions/scripts'

// One model's variant map, from the parts of its tasks.
process JOIN_MAP {
    tag "${model.id}"
    label 'process_single'
    ext code: { fingerprint('join_map.py') }

    input:
    tuple val(model), path(parts)

    output:
    tuple val(model), path('variant_map'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    join_map.py --outdir variant_map ${parts}
    """

    stub:
    """
    mkdir variant_map
    touch variant_map/map.json variant_map/genes.tsv
    """
}
