include { fingerprint ; option } from '../functions/scripts'

// One model's effects, profiles and means over genes, from the parts of its tasks.
process JOIN_SATURATION {
    tag "${model.id}"
    label 'process_medium'
    cpus 1 // it has one thread
    ext code: { fingerprint('join_saturation.py') }

    input:
    tuple val(model), path(parts), path(genes)
    val contrast                                    // two populations joined by ';', or ''

    output:
    tuple val(model), path('saturation'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    join_saturation.py --genes ${genes} ${option('--contrast', contrast)} --outdir saturation ${parts}
    """

    stub:
    """
    mkdir saturation
    touch saturation/effects.h5 saturation/profiles.tsv.gz saturation/positions.tsv
    """
}
