// Shows how far a media is, and plays it as soon as there is something to play.
const id = location.pathname.split("/").pop();
const token = new URLSearchParams(location.search).get("token");
const query = token ? `?token=${encodeURIComponent(token)}` : "";
const video = document.querySelector("video");
const says = document.querySelector("p");
let playing = false;

function play(url) {
  playing = true;
  if (Hls.isSupported()) {
    const hls = new Hls();
    hls.loadSource(url);
    hls.attachMedia(video);
  } else {
    video.src = url; // an iPhone has no Media Source Extensions, but plays HLS by itself
  }
}

async function look() {
  const answer = await (await fetch(`${id}/state${query}`)).json();
  if (!answer.data) {
    says.textContent = answer.message; // a token that has expired, an address that was taken back
    return;
  }
  const media = answer.data;
  document.title = media.title;
  if (media.playable && !playing) play(`../stream/${id}/master.m3u8${query}`);
  // As text, so that a title can't be markup.
  if (media.message) says.textContent = media.message;
  else if (media.status === "Ready") says.textContent = media.title;
  else says.textContent = `${media.title}: ${media.status}, ${Math.round(media.progress * 100)} %`;
  if (!["Ready", "Errored"].includes(media.status)) setTimeout(look, 500);
}

look();
