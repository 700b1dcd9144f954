include { fingerprint } from '../functions/scripts'

// Effects of every single-nucleotide variant in reach of some genes, by the networks for which these were held out. Files
// are compared by content: a part whose genes stay the same is not computed again, though its file is a new one.
process MAP_VARIANTS {
    tag "${model.id}"
    label 'process_gpu'
    cpus 1 // there are many tasks, and two of one thread are quicker than one of two
    cache 'deep'
    ext code: { fingerprint('map_variants.py') }

    input:
    tuple val(model), path(description, stageAs: 'model/*'), path(folds, stageAs: 'model/*'), path(pooled), path(part, stageAs: 'parts/*')
    val genes_per_part
    val device
    val engine

    output:
    tuple val(model), path("part_${part.baseName}"), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    map_variants.py --model model --part ${part} --pooled ${pooled} --genes_per_part ${genes_per_part} \\
        --device ${device} --engine ${engine} --threads ${task.cpus} --outdir part_${part.baseName}
    """

    stub:
    """
    mkdir part_${part.baseName}
    """
}
