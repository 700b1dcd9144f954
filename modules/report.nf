include { digest ; fingerprint ; json } from '../functions/scripts'

// One self-contained page of what was run and what came out.
process REPORT {
    label 'process_medium'
    cpus 1 // it has one thread
    ext code: { fingerprint('report.py') + digest('assets/report') }

    input:
    val manifest                                    // what the numbered files below are
    path files, stageAs: 'files/?/*'
    path template, stageAs: 'template'

    output:
    path 'report.html'

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
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
