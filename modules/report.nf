include { fingerprint ; json } from '../functions/scripts'

// One self-contained page of what was run and what came out.
process REPORT {
    label 'process_medium'

    input:
    val manifest                                    // what the numbered files below are
    path files, stageAs: 'files/?/*'
    path template, stageAs: 'template'

    output:
    path 'report.html'

    script:
    """
    export PIPELINE_CODE=${fingerprint('report.py')}
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
