/*
 * The identity of a model, and trained models: every model.json in a folder, with the networks beside it.
 */

// A model: atlas × level × recipe, which identify it in all tasks, files and tables. Nothing parses its id.
def identify(level, recipe) {
    def names = level.subMap('atlas', 'level', 'genome') + recipe.subMap('recipe', 'network', 'upstream', 'downstream', 'window')
    return [id: "${level.atlas}.${level.level}.${recipe.recipe}".toString()] + names
}

// The folder for one kind of a model's results, in the results folder.
def folder_of(kind, model) {
    return "${kind}/${model.atlas}/${model.level}.${model.recipe}"
}

// [values: content of model.json, empty if it cannot be read; file: model.json; folds: folders of its folds' networks;
// networks: their files, relative to model.json; pooled: pooled_effects.h5, or null], sorted by path.
def trained_before(folder) {
    return descriptions(folder, 5).sort { path -> path.toUriString() }.collect { path ->
        def beside = entries(path.parent)
        def folds = beside.findAll { fold -> fold.isDirectory() && fold.name.startsWith('fold_') }
        [
            values: described(path),
            file: path,
            folds: folds.sort { fold -> fold.name },
            networks: folds.collectMany { fold -> entries(fold).collect { file -> "${fold.name}/${file.name}".toString() } }.sort(),
            pooled: beside.find { file -> file.name == 'pooled_effects.h5' },
        ]
    }
}

// The content of a folder, on a disk or in a bucket. (`files` would read brackets and stars in a folder's name as a pattern.)
def entries(folder) {
    def found = []
    folder.eachFile { path -> found << path }
    return found
}

// Every file of a name in a folder, at most some levels down; Zarr stores have none.
def descriptions(folder, levels, name = 'model.json') {
    return entries(folder).collectMany { path ->
        if (path.isDirectory()) {
            return levels > 1 && !path.name.endsWith('.zarr') ? descriptions(path, levels - 1, name) : []
        }
        path.name == name ? [path] : []
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

// [values: content of map.json; file: map.json; folder: of the map], of every variant map in a folder, sorted by path.
def maps_in(folder) {
    return descriptions(folder, 3, 'map.json').sort { path -> path.toUriString() }.collect { path ->
        [values: described(path), file: path, folder: path.parent]
    }
}

// The folder of a model's map among those of maps_in; null if it has none.
def map_of(model, maps) {
    def names = ['atlas', 'level', 'recipe']
    return maps.find { one -> one.values.subMap(names) == model.subMap(names) }?.folder
}
