/*
 * Parameters by nextflow_schema.json: their types, and what `--help` prints.
 */

def schema() {
    return new groovy.json.JsonSlurper().parseText(file("${projectDir}/nextflow_schema.json").text)
}

// The parameters as the types that the schema names. A value is the same, for tasks and for -resume, whether it came from
// the configuration, a params file or the command line, where the strict parser hands everything over as text. What does
// not fit its type stays as it is: PREFLIGHT says so.
def typed(params) {
    def rules = schema()['$defs'].values().collectEntries { group -> group.properties }
    return params.collectEntries { name, value -> [name, as_type(value, rules[name]?.type)] }
}

def as_type(value, type) {
    def text = value.toString().trim()
    if (value == null || value == true) {
        return value
    }
    if (type == 'integer' && text ==~ /[+-]?[0-9]+/) {
        return text.isInteger() ? text.toInteger() : text.toBigInteger()
    }
    if (type == 'number' && text.isBigDecimal()) {
        return new BigDecimal(new BigDecimal(text).stripTrailingZeros().toPlainString())
    }
    if (type == 'boolean' && text.toLowerCase() in ['true', 'false']) {
        return text.toBoolean()
    }
    return type == 'string' ? value.toString() : value
}

// A cloud cannot pull the images of this machine, and would say so only after minutes.
def check_images(workflow, options) {
    def clouds = workflow.profile.tokenize(',').intersect(['awsbatch', 'googlebatch', 'azurebatch', 'k8s'])
    if (clouds && !options.registry && workflow.container.toString() =~ /(^|[\[:, ])nf-scxpresso:/) {
        error("--registry: not given; expected the registry that ${clouds[0]} pulls the images from: make push REGISTRY=<registry>, then add --registry <registry>")
    }
}

// The configuration reads --outdir before a file given with -c: results would go to one folder, and what is made of them to
// another. Nextflow's own option -output-dir moves the results alone, as whoever gives it wants.
def check_outdir(workflow, options) {
    def moved = workflow.commandLine =~ / -(o|output-dir) /
    if (!moved && options.outdir instanceof CharSequence && file(options.outdir, glob: false) != workflow.outputDir) {
        error("--outdir: '${options.outdir}', but the results would go to ${workflow.outputDir.toUriString()}; expected the same folder: give --outdir on the command line or in a -params-file, which are read before the configuration, not in a file given with -c")
    }
}

def usage() {
    def content = schema()
    def groups = content['$defs'].values().collect { group ->
        def lines = group.properties.collect { name, about ->
            def fallback = about['default'] != null ? " [${about['default']}]" : ''
            def choices = about['enum'] ? " (${about['enum'].join(', ')})" : ''
            "  --${name.padRight(18)} ${about.description}${choices}${fallback}"
        }
        "${group.title}\n${lines.join('\n')}"
    }
    return """
        |${content.title}: ${content.description}
        |
        |  nextflow run . -profile docker --input atlases.csv --genomes genomes.csv --outdir results
        |
        |${groups.join('\n\n').replace('\n', '\n        |')}
        |
        |Profiles (-profile a,b): test, test_full, test_study, human, paper, xpresso; docker, podman, singularity, apptainer, conda; gpu;
        |slurm, lsf, pbs, sge, awsbatch, googlebatch, azurebatch, k8s (docs/running.md).
        |""".stripMargin()
}
