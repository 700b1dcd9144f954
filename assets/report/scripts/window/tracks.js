// Transcripts and cCREs below a figure, on its axis y2.
import { FAINT, TONE } from "../shared/colours.js";
import { geneName } from "../shared/data.js";
import { distanceText, safe, shorten } from "../shared/text.js";
import { stack } from "./stack.js";

const MAX_ROWS = 5;
const NAME_ROOM = 110; // pixels for the name of a transcript
const CCRE_Y = 0.12;

// Traces of the features in a locus, the number of rows of transcripts, and whether there are cCREs.
export function tracks(locus, range, width) {
  const { transcripts, rows } = placed(visibleTranscripts(locus, range), (NAME_ROOM * (range[1] - range[0])) / width);
  const boxes = (what) => transcripts.flatMap((one) => one[what].map((span) => ({ ...one, span })));
  const ccres = visibleCcres(locus, range);
  const traces = [bars(transcripts, 0.06), bars(boxes("exons"), 0.26), bars(boxes("coding"), 0.46), names(transcripts)];
  if (ccres.length) traces.push(bars(ccres, 0.5));
  return { traces, rows, ccres: ccres.length > 0 };
}

const overlaps = ([a, b], [from, to]) => a <= to && b >= from;

function visibleTranscripts(locus, range) {
  const [from, to] = range;
  return locus.transcripts.filter(({ span }) => overlaps(span, range)).sort((a, b) => a.span[0] - b.span[0])
    .map((one) => ({ ...one, span: [Math.max(one.span[0], from), Math.min(one.span[1], to)] }))
    .map((one) => ({
      ...one, name: geneName(one.gene), colour: one.gene === locus.gene ? TONE.ink : FAINT,
      text: `${safe(geneName(one.gene))}, ${one.same_strand ? "the gene's strand" : "the other strand"}`,
    }));
}

// Transcripts with their heights; those without a row are dropped.
function placed(transcripts, nameRoom) {
  const row = stack(transcripts, nameRoom);
  const rows = Math.min(Math.max(0, ...row.map((one) => one + 1)), MAX_ROWS);
  return { rows, transcripts: transcripts.map((one, i) => ({ ...one, y: rows - row[i] })).filter((one) => one.y > 0) };
}

function visibleCcres(locus, range) {
  return locus.ccres.filter((span) => overlaps(span, range)).map(([a, b, name]) => ({
    span: [a, b], y: CCRE_Y, colour: "#9aa3ad",
    text: `${name ? `${safe(name)}<br>` : "cCRE "}${distanceText(a)} to ${distanceText(b)}`,
  }));
}

function bars(boxes, thickness) {
  return {
    type: "bar", orientation: "h", yaxis: "y2", showlegend: false, hoverinfo: "text", isDecoration: true,
    base: boxes.map(({ span }) => span[0] - 0.5), x: boxes.map(({ span }) => span[1] - span[0] + 1),
    y: boxes.map(({ y }) => y - 0.12), width: thickness,
    text: boxes.map(({ text }) => text), textposition: "none",
    marker: { color: boxes.map(({ colour }) => colour), line: { width: 0 } },
  };
}

// Names with an arrow in the direction of transcription.
function names(transcripts) {
  return {
    mode: "text", yaxis: "y2", showlegend: false, hoverinfo: "skip", cliponaxis: true, isDecoration: true,
    x: transcripts.map(({ span }) => span[0]), y: transcripts.map(({ y }) => y + 0.36), textposition: "middle right",
    text: transcripts.map((one) => (one.same_strand ? `${shorten(one.name, 18)} →` : `← ${shorten(one.name, 18)}`)),
    textfont: { size: 10, color: transcripts.map(({ colour }) => (colour === TONE.ink ? TONE.ink : TONE.soft)) },
  };
}
