/** A chart of cost against the number of channels, on logarithmic axes. */

export interface Curve {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const [WIDTH, HEIGHT] = [720, 420];
const BOX = { left: 70, right: WIDTH - 110, top: 20, bottom: HEIGHT - 50 };

/**
 * @param curves positive numbers only
 * @returns an SVG that is readable on light and dark backgrounds
 */
export function draw(curves: readonly Curve[], xTitle: string, yTitle: string): string {
  const xs = curves.flatMap(({ points }) => points.map(([x]) => x));
  const ys = curves.flatMap(({ points }) => points.map(([, y]) => y));
  const [xLow, xHigh] = [Math.log2(Math.min(...xs)), Math.log2(Math.max(...xs))];
  const [yLow, yHigh] = [Math.floor(Math.log10(Math.min(...ys))), Math.ceil(Math.log10(Math.max(...ys)))];
  const x = (value: number) => BOX.left + ((Math.log2(value) - xLow) / (xHigh - xLow || 1)) * (BOX.right - BOX.left);
  const y = (value: number) => BOX.bottom - ((Math.log10(value) - yLow) / (yHigh - yLow || 1)) * (BOX.bottom - BOX.top);
  const grid: string[] = [];
  for (let power = yLow; power <= yHigh; ++power) {
    const at = y(10 ** power).toFixed(1);
    grid.push(
      `<path d="M${BOX.left} ${at}H${BOX.right}"/>`,
      `<text x="${BOX.left - 8}" y="${at}" text-anchor="end" dy="4">${(10 ** power).toLocaleString("en-US")}</text>`,
    );
  }
  for (let power = Math.ceil(xLow); power <= xHigh; power += 2) {
    const at = x(2 ** power).toFixed(1);
    grid.push(
      `<path d="M${at} ${BOX.top}V${BOX.bottom}"/>`,
      `<text x="${at}" y="${BOX.bottom + 18}" text-anchor="middle">${(2 ** power).toLocaleString("en-US")}</text>`,
    );
  }
  const lines = curves.map(({ name, colour, points }) => {
    const path = points.map(([px, py]) => `${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("L");
    const dots = points.map(([px, py]) => `<circle cx="${x(px).toFixed(1)}" cy="${y(py).toFixed(1)}" r="3"/>`).join("");
    const [lastX, lastY] = points.at(-1) ?? [1, 1];
    const label = `<text x="${(x(lastX) + 8).toFixed(1)}" y="${y(lastY).toFixed(1)}" dy="4" stroke="none">${name}</text>`;
    return `<g stroke="${colour}" fill="${colour}"><path d="M${path}" fill="none" stroke-width="2"/>${dots}${label}</g>`;
  });
  const [middleX, middleY] = [(BOX.left + BOX.right) / 2, (BOX.top + BOX.bottom) / 2];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
<g stroke="#dddddd" fill="none">${grid.filter((part) => part.startsWith("<path")).join("")}</g>
<g fill="#333333">${grid.filter((part) => part.startsWith("<text")).join("")}
<text x="${middleX}" y="${HEIGHT - 10}" text-anchor="middle">${xTitle}</text>
<text transform="translate(16 ${middleY}) rotate(-90)" text-anchor="middle">${yTitle}</text></g>
${lines.join("\n")}
</svg>
`;
}
