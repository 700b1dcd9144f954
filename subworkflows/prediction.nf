/*
 * Expression of new sequences: windows, or the genes of another assembly or individual.
 */

include { PREDICT } from '../modules/predict'

workflow PREDICTION {
    take:
    plan_ch                                         // what to run: models, windows (see main.nf)
    samples_ch                                      // [sample: its row of the sheet; its files]
    assemblies_ch                                   // [sample, name of a window, features.h5 of its own genes]
    models_ch                                       // [model, model.json, its folds' folders]
    features_ch                                     // [genome, name of a window, features.h5]
    options                                         // the parameters

    main:
    assembled_ch = samples_ch.filter { row, _files -> row.gtf }
    windows_ch = samples_ch.filter { row, _files -> !row.gtf }
    // [genome of the models, name of a window, sample, windows or [], features.h5: its own, or that of genes after which windows
    // may be named]
    sequences_ch = assembled_ch
        .map { row, _files -> [row.sample, row.genome] }
        .combine(assemblies_ch, by: 0)
        .map { name, genome, window, features -> [genome, window, name, [], features] }
        .mix(
            windows_ch
                .map { row, files -> [row.genome, row.sample, files.fasta] }
                .combine(features_ch, by: 0)
                .map { genome, name, windows, window, features -> [genome, window, name, windows, features] }
        )

    // [predicted: sample and model; predictions.tsv.gz]
    predicted_ch = PREDICT(
        sequences_ch
            .combine(
                models_ch.map { model, description, folds -> [model.genome, model.window, model, description, folds] },
                by: [0, 1],
            )
            .combine(plan_ch.map { plan -> plan.widest })
            .map { _genome, _window, name, windows, features, model, description, folds, window ->
                [[sample: name] + model, windows, windows ? window : [:], features, description, folds]
            },
        options.device,
    ).made

    emit:
    predicted_ch
}
