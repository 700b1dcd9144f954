/*
 * What `--help` prints: nextflow_schema.json, readably.
 */

def usage() {
    def schema = new groovy.json.JsonSlurper().parse(file("${projectDir}/nextflow_schema.json").toFile())
    def groups = schema['$defs'].values().collect { group ->
        def lines = group.properties.collect { name, about ->
            def fallback = about['default'] != null ? " [${about['default']}]" : ''
            def choices = about['enum'] ? " (${about['enum'].join(', ')})" : ''
            "  --${name.padRight(18)} ${about.description}${choices}${fallback}"
        }
        "${group.title}\n${lines.join('\n')}"
    }
    return """
        |${schema.title}: ${schema.description}
        |
        |  nextflow run . -profile docker --input atlases.csv --genomes genomes.csv --outdir results
        |
        |${groups.join('\n\n').replace('\n', '\n        |')}
        |
        |Profiles (-profile a,b): test, test_full, xpresso; docker, podman, singularity, apptainer; gpu, slurm.
        |""".stripMargin()
}
