include { fingerprint } from '../functions/scripts'

// Checksums of one input file, or of the files of one model; it runs again only if these files change.
process CHECKSUM {
    label 'process_single'
    ext code: { fingerprint('checksum.py') }

    input:
    tuple val(addresses), path(files, stageAs: 'files/?/*'), val(states)   // of folders among them, see functions/sheets.nf

    output:
    tuple val(addresses), path('checksums.json')

    script:
    """
    export PIPELINE_CODE=${task.ext.code}
    checksum.py --folder files --output checksums.json
    """

    stub:
    """
    echo '[]' > checksums.json
    """
}
