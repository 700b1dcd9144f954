include { fingerprint } from '../functions/scripts'

// The alleles of a set that lie in windows of genes, in the chunks that tasks take, and those that are rejected, with reasons.
process READ_VARIANTS {
    tag "${set.set}"
    label 'process_medium'
    cpus 1 // it has one thread
    ext code: { fingerprint('read_variants.py') }

    input:
    tuple val(set), path(variants, stageAs: 'variants'), path(fasta, stageAs: 'genome.fasta'), path(genes), val(window)
    val haplotypes

    output:
    tuple val(set), path('chunks/*.tsv.gz', arity: '0..*'), path('rejected.tsv'), path('counts.json'), emit: made
    tuple val("${task.process}"), val(task.tag), path('warnings.txt'), topic: 'warnings', optional: true

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    read_variants.py --set ${set.set} --file variants --fasta genome.fasta --genes ${genes} \\
        --upstream ${window.upstream} --downstream ${window.downstream} ${haplotypes ? '--haplotypes' : ''}
    """

    stub:
    """
    mkdir chunks
    touch chunks/1.tsv.gz rejected.tsv
    echo '{}' > counts.json
    """
}
