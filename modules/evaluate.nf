include { fingerprint ; json } from '../functions/scripts'

// Correlations of every model and baseline, per population and fold, per gene, between levels and atlases.
process EVALUATE {
    label 'process_medium'
    cpus 1 // it has one thread
    ext code: { fingerprint('evaluate.py') }

    input:
    val manifest                                    // what the numbered files below are
    path files, stageAs: 'files/?/*'

    output:
    path 'evaluation'

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    cat > manifest.json <<'END_OF_MANIFEST'
    ${json(manifest)}
    END_OF_MANIFEST
    evaluate.py --manifest manifest.json --outdir evaluation
    """

    stub:
    """
    mkdir evaluation
    for name in populations genes summary comparisons leakage intervals targets agreement distributions histograms; do
        touch evaluation/\$name.tsv
    done
    """
}
