// The table of contents marks the section in view; following a link unfolds its section.

const linkTo = (section) => document.querySelector(`.toc a[href="#${section.id}"]`);

function mark({ target, isIntersecting }) {
  const link = linkTo(target);
  if (isIntersecting) link.setAttribute("aria-current", "location");
  else link.removeAttribute("aria-current");
}

const observer = new IntersectionObserver((entries) => entries.forEach(mark), { rootMargin: "-20% 0px -70% 0px" });
document.querySelectorAll("main section").forEach((section) => observer.observe(section));

document.querySelector(".toc ol").addEventListener("click", (event) => {
  const section = event.target.hash && document.querySelector(event.target.hash);
  if (section) section.querySelector("details").open = true;
});
