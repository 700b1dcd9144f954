/*
 * Models that were trained before: every model.json in a folder, with the networks beside it.
 */

// [values: what model.json says, empty where it cannot be read; file: model.json; folds: folders of its folds' networks;
// networks: their files, relative to model.json], sorted by path.
def trained_before(folder) {
    def stream = java.nio.file.Files.walk(folder, 5, java.nio.file.FileVisitOption.FOLLOW_LINKS)
    def found = stream.iterator().findAll { path -> path.fileName.toString() == 'model.json' }
    stream.close()
    return found.sort { path -> path.toString() }.collect { path ->
        def folds = path.parent.listFiles().findAll { fold -> fold.isDirectory() && fold.name.startsWith('fold_') }
        [
            values: described(path),
            file: path,
            folds: folds.sort { fold -> fold.name },
            networks: folds.collectMany { fold -> fold.listFiles().collect { file -> "${fold.name}/${file.name}".toString() } }.sort(),
        ]
    }
}

def described(path) {
    try {
        def content = new groovy.json.JsonSlurper().parseText(path.text)
        return content instanceof Map ? content : [:]
    }
    catch (Exception e) {
        log.debug("${path}: ${e}")
        return [:]
    }
}

// The window and features of the annotation that models read (PREFLIGHT sees to it that they agree), or the parameters'.
def window(models, params) {
    def values = models.collect { model -> model.values }.find { one -> one.upstream != null }
    return values
        ? [
            upstream: values.upstream,
            downstream: values.downstream,
            features: models.any { model -> (model.values.annotation_features ?: []).size() > 5 } ? 'extended' : 'half_life',
        ]
        : params.subMap('upstream', 'downstream', 'features')
}
