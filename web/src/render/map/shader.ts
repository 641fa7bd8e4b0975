/** A triangle that covers the screen. */
export const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

/**
 * The cell under a pixel is found by arithmetic, along rows or along the Hilbert curve, so that one texture serves both
 * and every zoom; its colour is looked up in a table, so that theme, colouring and filter change nothing else.
 */
export const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;

uniform usampler2D cells;   // two bytes each, see mapprotocol.go
uniform usampler2D table;   // 256 colours with textures
uniform ivec2 base;         // the cell of the tile in the upper left corner of the screen
uniform vec2 offset;        // how much of that cell is off the screen
uniform float cellSize;     // device pixels
uniform float ratio;        // device pixels for one of CSS
uniform float height;       // of the canvas
uniform ivec2 size;         // cells of the tile that there are
uniform int curve;          // 1 along the Hilbert curve, 0 in rows
uniform int count;          // cells that there are in all
uniform int bits;
uniform ivec2 turn;         // how the curve runs here: flip, swap
uniform int mode;
uniform vec3 place;         // on the disk, for mode 4
uniform vec3 page;

out vec4 colour;

int hilbert(ivec2 at, int flip, int swap) {
  int index = 0;
  for (int bit = bits - 1; bit >= 0; bit--) {
    ivec2 b = ((at >> bit) & 1) ^ flip;
    if (swap == 1) b = b.yx;
    index = index << 2 | ((3 * b.x) ^ b.y);
    if (b.y == 0) {
      flip ^= b.x;
      swap ^= 1;
    }
  }
  return index;
}

// How much of a texture's lines is at a place, in CSS pixels.
float lines(int texture, vec2 at) {
  const float side = 6.0;
  const float half_ = 0.65;
  vec2 q = mod(at, side);
  float up = mod(q.x + q.y, side), down = mod(q.x - q.y, side);
  vec2 fromMiddle = abs(q - side / 2.0);
  switch (texture) {
    case 1: return max(fromMiddle.x, fromMiddle.y) < 1.0 ? 1.0 : 0.0;
    case 2: return min(up, side - up) < half_ * 1.414 ? 1.0 : 0.0;
    case 3: return min(down, side - down) < half_ * 1.414 ? 1.0 : 0.0;
    case 4: return fromMiddle.x < half_ ? 1.0 : 0.0;
    case 5: return fromMiddle.y < half_ ? 1.0 : 0.0;
    case 6: return min(fromMiddle.x, fromMiddle.y) < half_ ? 1.0 : 0.0;
    case 7: return abs(max(fromMiddle.x, fromMiddle.y) - 1.5) < half_ ? 1.0 : 0.0;
  }
  return 0.0;
}

void main() {
  vec2 pixel = vec2(gl_FragCoord.x, height - gl_FragCoord.y);
  vec2 at = pixel / cellSize + offset;
  ivec2 cell = base + ivec2(floor(at));
  if (any(lessThan(cell, ivec2(0))) || any(greaterThanEqual(cell, size))) discard;
  int index = curve == 1 ? hilbert(cell, turn.x, turn.y) : 0;
  if (index >= count) discard;
  uvec2 value = texelFetch(cells, curve == 1 ? ivec2(index & 1023, index >> 10) : cell, 0).rg;
  if (value.r == 255u) discard;
  int kind = int(value.r & 31u), severity = int(value.r >> 5u), second = int(value.g);

  int entry = kind;
  float strength = kind == 0 ? 1.0 : LIGHTEST + (1.0 - LIGHTEST) * float(second >> 4) / 15.0;
  if (mode == 1) entry = severity == 0 ? min(1, kind) : 1 + severity;
  if (mode == 2) entry = second & 15;
  if (mode == 3) {
    entry = second;
    strength = 1.0 - (1.0 - LIGHTEST) * float(severity) / 7.0;
  }
  if (mode == 4) {
    float share = curve == 1 ? place.x + place.y * float(index) : place.x + place.y * float(cell.x) + place.z * float(cell.y);
    entry = kind == 0 ? 0 : 1 + int(254.0 * share);
    strength = 1.0;
  }
  uvec4 look = texelFetch(table, ivec2(entry, 0), 0);
  vec3 fill = vec3(look.rgb) / 255.0;
  fill = mix(page, fill, strength);

  float css = cellSize / ratio;
  vec2 inside = fract(at) * css, fromEdge = min(inside, css - inside);
  float edge = min(fromEdge.x, fromEdge.y);
  if (css >= 10.0) {
    fill = mix(fill, page, 0.6 * lines(int(look.a & 15u), pixel / ratio));
    // What several pointers share has a second border.
    if (css >= 16.0 && mode == 0 && (second & 15) > 1 && edge > 2.5 && edge < 4.0) fill = page;
  }
  if ((look.a & 128u) != 0u) fill = mix(page, fill, DIMMED);
  if (css >= 10.0 && edge < (css >= 24.0 ? 1.0 : 0.5)) fill = page;
  colour = vec4(fill, 1.0);
}`;
