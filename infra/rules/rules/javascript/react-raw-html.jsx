import DOMPurify from "dompurify";

export function Comment({ comment }) {
  // ruleid: javascript.injection.react-raw-html
  return <div className="comment" dangerouslySetInnerHTML={{ __html: comment.html }} />;
}

export function Cleaned({ comment }) {
  // ok: javascript.injection.react-raw-html
  return <div dangerouslySetInnerHTML={{ __html: DOMPurify.sanitize(comment.html) }} />;
}

export function CleanedFirst({ comment }) {
  const html = DOMPurify.sanitize(comment.html);
  // ok: javascript.injection.react-raw-html
  return <div dangerouslySetInnerHTML={{ __html: html }} />;
}

export function Constant() {
  // ok: javascript.injection.react-raw-html
  return <div dangerouslySetInnerHTML={{ __html: "<b>bold</b>" }} />;
}

export function Text({ comment }) {
  // ok: javascript.injection.react-raw-html
  return <div>{comment.text}</div>;
}
