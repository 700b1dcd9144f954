/*
 * The map of all variants: the effect of every single-nucleotide variant in reach of every gene, by every model.
 */

include { SPLIT_MAP            } from '../modules/split_map'
include { MAP_VARIANTS         } from '../modules/map_variants'
include { JOIN_MAP             } from '../modules/join_map'

workflow VARIANT_MAP {
    take:
    plan_ch                                         // what to run: recipes, models (see main.nf)
    models_ch                                       // [model, model.json, its folds' folders]
    pooled_ch                                       // [model, pooled_effects.h5]
    genes_ch                                        // [genome, genes.tsv, features.h5], of the run's first window
    features_ch                                     // [genome, name of a window, features.h5]
    options                                         // the parameters

    main:
    genes_per_part = plan_ch.map { plan -> plan.genes_per_part }.first()

    // [genome, name of a window, model, model.json, its folds' folders, pooled_effects.h5]
    mapped_ch = models_ch
        .filter { options.variant_map }
        .combine(plan_ch)
        .filter { model, _description, _folds, plan -> model.id in plan.mapped || model.recipe in plan.mapped_recipes }
        .map { model, description, folds, _plan -> [model, description, folds] }
        .join(pooled_ch)
        .map { model, description, folds, pooled -> [model.genome, model.window, model, description, folds, pooled] }

    // [genome, name of a window, parts of its genes]
    parts_ch = SPLIT_MAP(
        mapped_ch
            .map { row -> row[0..1] }
            .unique()
            .combine(features_ch, by: [0, 1])
            .combine(genes_ch.map { row -> row[0..1] }, by: 0),
        genes_per_part,
    ).made.map { genome, window, parts -> [genome, window, [parts].flatten()] }

    // [model, folder of its map]; the model knows how many parts there are
    maps_ch = JOIN_MAP(
        MAP_VARIANTS(
            mapped_ch
                .combine(parts_ch, by: [0, 1])
                .flatMap { _genome, _window, model, description, folds, pooled, parts ->
                    parts.collect { part -> [groupKey(model, parts.size()), description, folds, pooled, part] }
                },
            genes_per_part,
            options.device,
            options.engine,
        ).made
            .groupTuple()
            .map { model, parts -> [model.target, parts.toSorted { part -> part.name }] },
    ).made

    emit:
    maps_ch
}
