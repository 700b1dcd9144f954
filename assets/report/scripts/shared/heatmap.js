// Heat maps with labelled rows and columns, wide enough for their labels; they scroll inside their panel.
import { TONE } from "./colours.js";
import { colourBar, columnAxis, columnLabelLength, narrow, rowAxis } from "./layout.js";
import { plotWidth } from "./panels.js";
import { largestAbsolute } from "./statistics.js";

// Width and margins of a map with this number of columns in a panel.
export function mapSize(name, columns) {
  const needed = columns * (narrow() ? 15 : 20) + 8 * columnLabelLength() + 90;
  return { width: Math.max(plotWidth(name), needed), margin: { l: 10, r: 10, t: 40, b: 40 } };
}

export const mapHeight = (rows) => rows * 22 + 7 * columnLabelLength();

// Values around 0. z, text: a list per row; spots: [[column, row]…] of cells to mark.
export function divergingMap(name, { rows, columns, z, text, title, spots = [], finding = "" }) {
  const largest = largestAbsolute(z.flat()) || 1e-9;
  const cells = {
    type: "heatmap", z, text, hoverinfo: "text", colorscale: TONE.diverging, zmin: -largest, zmax: largest,
    xgap: 1, ygap: 1, colorbar: colourBar(title),
  };
  return {
    finding,
    traces: spots.length ? [cells, marks(spots)] : [cells],
    layout: {
      ...mapSize(name, columns.length),
      height: mapHeight(rows.length) + 60,
      xaxis: { ...columnAxis(columns), range: [-0.5, columns.length - 0.5] },
      yaxis: rowAxis(rows),
    },
  };
}

function marks(spots) {
  return {
    mode: "markers", x: spots.map(([x]) => x), y: spots.map(([, y]) => y), hoverinfo: "skip", showlegend: false,
    isDecoration: true,
    marker: { size: 6, color: TONE.ink, line: { width: 1.2, color: TONE.paper } },
  };
}
