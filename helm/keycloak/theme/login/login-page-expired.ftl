<#import "template.ftl" as layout>
<@layout.registrationLayout isOwn=true; section>
  <#if section = "header">
    ${msg("pageExpiredTitle")}
  <#elseif section = "form">
      <p class="sign-in__text">${msg("pageExpiredText")}</p>
      <p class="form__actions">
        <a class="btn btn--primary" href="${url.loginRestartFlowUrl}"><span class="btn__label">${msg("doStartAgain")}</span></a>
        <a class="btn btn--quiet" href="${url.loginAction}"><span class="btn__label">${msg("doContinue")}</span></a>
      </p>
  </#if>
</@layout.registrationLayout>
