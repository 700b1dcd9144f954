include { fingerprint ; option } from '../functions/scripts'

// The effect of alleles on the genes in whose windows they lie, by the networks for which these genes were held out.
process SCORE_VARIANTS {
    tag "${scored.set} ${scored.id}"
    label 'process_gpu'
    ext code: { fingerprint('score_variants.py') }

    input:
    tuple val(scored), path(chunk, stageAs: 'chunks/*'), path(description, stageAs: 'model/*'), path(folds, stageAs: 'model/*'), path(features), path(genes), path(fasta, stageAs: 'genome.fasta'), path(pooled), path(variant_map, stageAs: 'variant_map')
    path sign_calibration
    val haplotypes
    val device
    val engine

    output:
    tuple val(scored), path("scores_${chunk.simpleName}.tsv.gz"), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    score_variants.py --set ${scored.set} --model model --features ${features} --genes ${genes} --fasta genome.fasta \\
        --variants ${chunk} ${haplotypes ? '--haplotypes' : ''} ${option('--pooled', pooled)} \\
        ${variant_map ? '--variant_map variant_map' : ''} --sign_calibration ${sign_calibration} \\
        --device ${device} --engine ${engine} \\
        --threads ${task.cpus} --output scores_${chunk.simpleName}.tsv.gz
    """

    stub:
    """
    touch scores_${chunk.simpleName}.tsv.gz
    """
}
