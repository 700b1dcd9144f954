include { fingerprint ; json } from '../functions/scripts'

// The record of the run as an RO-Crate: what went in, with checksums, how, by which software, and what came out.
process WRITE_CRATE {
    label 'process_single'
    ext code: { fingerprint('write_crate.py') }

    input:
    val manifest                                    // the record's content, from the run
    path schemas, stageAs: 'schemas/*'              // what parameters and columns of sheets mean
    path workflow, stageAs: 'workflow/main.nf'      // which the crate has to hold

    output:
    tuple path('ro-crate-metadata.json'), path('main.nf')

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    cat > manifest.json <<'END_OF_MANIFEST'
    ${json(manifest)}
    END_OF_MANIFEST
    write_crate.py --manifest manifest.json --schemas schemas --output ro-crate-metadata.json
    cp -L workflow/main.nf main.nf
    """

    stub:
    """
    echo '{}' > ro-crate-metadata.json
    touch main.nf
    """
}
