/* A picture pasted anywhere on the page, made small enough to send. */

const SIDE = 1600; // pixels; the longer side of what is sent
const QUALITY = 0.92;

export default function (component) {
  const paste = async (event) => {
    const item = [...(event.clipboardData?.items ?? [])].find((one) => one.type.startsWith("image/"));
    const file = item?.getAsFile();
    if (!file) return; // text goes where it was meant to go
    event.preventDefault();
    try {
      const picture = await createImageBitmap(file);
      const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(picture.width * scale));
      canvas.height = Math.max(1, Math.round(picture.height * scale));
      const pen = canvas.getContext("2d");
      pen.fillStyle = "#fff"; // JPEG knows no transparency
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
      component.setTriggerValue("pasted", canvas.toDataURL("image/jpeg", QUALITY).split(",")[1]);
    } catch {
      component.setTriggerValue("pasted", ""); // not a picture after all; the server says so
    }
  };
  document.addEventListener("paste", paste);
  return () => document.removeEventListener("paste", paste);
}
