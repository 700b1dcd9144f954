// The sections on training, performance and genes, of a run that trained models.
import "./run/training.js";
import "./run/levels.js";
import "./run/performance.js";
import "./run/coarse.js";
import "./run/transfer.js";
import "./run/specificity.js";
import "./run/scatter.js";
import "./run/variance.js";
import "./run/gene.js";
import "./errors/by-trait.js";
import "./errors/calibration.js";
import "./errors/leakage.js";
