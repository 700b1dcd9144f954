include { json } from './functions'

// One self-contained page of what was run and what came out.
process REPORT {
    label 'process_medium'

    input:
    val manifest                                    // what the numbered files below are
    path genes, stageAs: 'genomes/?/genes.tsv'
    path dropped, stageAs: 'genomes/?/dropped_genes.tsv'
    path folds, stageAs: 'genomes/?/folds.tsv'
    path expression, stageAs: 'expression/?'
    path histories, stageAs: 'histories/?'
    path predictions, stageAs: 'predictions/?.tsv.gz'
    path evaluation
    path template, stageAs: 'template'
    val code                                        // fingerprint of the executable's modules

    output:
    path 'report.html'

    script:
    """
    export PIPELINE_CODE=${code}
    cat > manifest.json <<'END_OF_MANIFEST'
    ${json(manifest)}
    END_OF_MANIFEST
    report.py --manifest manifest.json --template template --output report.html
    """

    stub:
    """
    touch report.html
    """
}
