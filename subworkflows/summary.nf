/*
 * What came out: the evaluation of models that were trained in this run, and the report of everything.
 */

include { fingerprint          } from '../modules/functions'
include { manifest             } from '../modules/manifest'
include { part ; contents ; recorded } from '../modules/manifest'
include { EVALUATE             } from '../modules/evaluate'
include { REPORT               } from '../modules/report'

workflow SUMMARY {
    take:
    results                                         // channels of what the steps made, by name (see main.nf)
    inputs                                          // what was given
    run                                             // about the run
    options                                         // the parameters

    main:
    // Both steps see everything at once, in an order that does not depend on who finished first.
    genomes_list = results.features.join(results.folds).toSortedList { a, b -> a[0] <=> b[0] }
    atlases_list = results.expression.toSortedList { a, b -> a[0].atlas <=> b[0].atlas }
    predictions_list = results.predictions.toSortedList { a, b -> a[0].toString() <=> b[0].toString() }
    evaluation_ch = EVALUATE(
        manifest(genomes_list, atlases_list, predictions_list).filter { tables -> tables.predictions },
        genomes_list.map { rows -> rows.collect { row -> row[1] } },
        atlases_list.map { rows -> rows.collect { row -> row[1] } },
        predictions_list.map { rows -> rows.collect { row -> row[1] } },
        fingerprint('evaluate.py'),
    )

    parts_list = results.extracted
        .flatMap { genome, genes, _features, dropped, transcripts ->
            [
                part('genomes', [genome: genome], 'genes', genes),
                part('genomes', [genome: genome], 'dropped', dropped),
                part('genomes', [genome: genome], 'transcripts', transcripts),
            ]
        }
        .mix(
            results.folds.map { genome, folds -> part('genomes', [genome: genome], 'folds', folds) },
            results.genomes
                .filter { _genome, files -> files.ccres }
                .map { genome, files -> part('genomes', [genome: genome], 'ccres', files.ccres) },
            results.expression.map { atlas, folder -> part('atlases', atlas, 'path', folder) },
            results.models.map { model, description, _folds -> part('models', model, 'description', description) },
            results.trained.map { model, folder -> part('models', model, 'histories', folder) },
            results.predictions.map { model, table -> part('predictions', model, 'path', table) },
            evaluation_ch.map { folder -> part('evaluation', [:], 'path', folder) },
            results.saturation.map { model, folder -> part('saturation', model, 'path', folder) },
            results.motifs.flatMap { model, motifs, seqlets ->
                [part('saturation', model, 'motifs', motifs), part('saturation', model, 'seqlets', seqlets)]
            },
            results.sets.flatMap { set, _chunks, rejected, counts ->
                [part('sets', set, 'rejected', rejected), part('sets', set, 'counts', counts)]
            },
            results.scores.map { scored, scores -> part('variants', scored, 'path', scores) },
            results.changes.map { scored, changes -> part('variants', scored, 'changes', changes) },
            results.compared.flatMap { scored, comparison, correlations ->
                [part('variants', scored, 'comparison', comparison), part('variants', scored, 'correlations', correlations)]
            },
            results.notes.flatMap { inputs.motifs ? [part('motifs', [:], 'path', inputs.motifs)] : [] },
        )
        .toSortedList { a, b -> order(a) <=> order(b) }
    report_ch = REPORT(
        parts_list
            .map { parts -> contents(parts) }
            .combine(results.notes)
            .combine(results.versions)
            .map { content, notes, versions -> content + recorded(run, options, notes, versions) },
        parts_list.map { parts -> parts.collect { one -> one.file } },
        file("${projectDir}/assets/report"),
        fingerprint('report.py'),
    )

    emit:
    evaluation_ch
    report_ch
}

def order(part) {
    return "${part.kind} ${part.about} ${part.role} ${part.file.name}".toString()
}
